//! A stand: a database, an estate in it, and the product in front of it, over plain HTTP or TLS as a part needs it.

use crate::{
    database::{Database, Engine},
    estate::{Device, Estate},
    product::{Product, Programs},
    wire::{Line, Place, Tls},
};
use anyhow::{Context, Result};
use std::{net::Ipv4Addr, path::Path};
use tempfile::TempDir;

/// One stand. Its files are gone with it.
pub struct Stand {
    pub programs: Programs,
    pub database: Database,
    pub estate: Estate,
    pub data: TempDir,
    tls: Tls,
    product: Option<Product>,
}

impl Stand {
    /// A new one with so many devices; nothing serves yet.
    ///
    /// # Errors
    /// When the product does not make its schema, or the schema is not what the estate is written for.
    pub async fn new(
        programs: &Programs,
        engine: &Engine,
        name: &str,
        devices: usize,
        work: &Path,
        tls: &Tls,
    ) -> Result<Self> {
        let data = tempfile::Builder::new().prefix(name).tempdir_in(work)?;
        let database = Database::new(engine, name, data.path())?;
        let product = Product::start(programs, &database, data.path(), None).await?;
        product.stop().await?;
        let estate = Estate::plant(&database, devices).await.context("the estate cannot be written")?;
        Ok(Self { programs: programs.clone(), database, estate, data, tls: tls.clone(), product: None })
    }

    /// How the database is called in the tables.
    pub const fn engine(&self) -> &'static str {
        self.database.engine.name()
    }

    /// Where the product serves, behind TLS or not; starts it, or starts it anew, when it does not serve so yet.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn serve(&mut self, secure: bool) -> Result<Place> {
        let fits = |product: &Product| product.place.tls.is_some() == secure;
        if let Some(product) = self.product.as_ref().filter(|product| fits(product))
            && Line::open(&product.place, Ipv4Addr::LOCALHOST).await.is_ok()
        {
            return Ok(product.place.clone());
        }
        if let Some(product) = self.product.take() {
            product.stop().await?;
        }
        let tls = secure.then_some(&self.tls);
        let product = Product::start(&self.programs, &self.database, self.data.path(), tls).await?;
        let place = product.place.clone();
        self.product = Some(product);
        Ok(place)
    }

    /// Starts the product on the port where it was before; agents know it.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn serve_again(&mut self, place: &Place) -> Result<()> {
        let (tls, port) = (place.tls.as_ref(), place.address.port());
        let product = Product::start_on(&self.programs, &self.database, self.data.path(), tls, port).await?;
        self.product = Some(product);
        Ok(())
    }

    /// The running product.
    ///
    /// # Errors
    /// When none runs.
    pub fn product(&self) -> Result<&Product> {
        self.product.as_ref().context("no server runs")
    }

    /// Takes the running product, to end it.
    ///
    /// # Errors
    /// When none runs.
    pub fn take_product(&mut self) -> Result<Product> {
        self.product.take().context("no server runs")
    }

    /// Ends the product, if one runs.
    ///
    /// # Errors
    /// When it had to be ended by force.
    pub async fn stop(&mut self) -> Result<()> {
        match self.product.take() {
            Some(product) => product.stop().await,
            None => Ok(()),
        }
    }

    /// The first devices, with tokens that last for a part of the bench.
    ///
    /// # Errors
    /// When the server gives no tokens.
    pub async fn devices(&mut self, place: &Place, count: usize) -> Result<Vec<Device>> {
        let count = count.min(self.estate.devices.len());
        if self.estate.tokens_are_old() || self.estate.devices[..count].iter().any(|d| d.token.is_empty()) {
            self.estate.fetch_tokens(place, self.estate.devices.len()).await?;
        }
        Ok(self.estate.devices[..count].to_vec())
    }

    /// Processor seconds of the product and of the database.
    ///
    /// # Errors
    /// When no server runs.
    pub fn cpu_seconds(&self) -> Result<Cpu> {
        Ok(Cpu { server: self.product()?.cpu_seconds(), database: self.database.engine.cpu_seconds() })
    }
}

/// Processor seconds, apart.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub server: f64,
    pub database: f64,
}

impl Cpu {
    /// Both.
    pub fn total(self) -> f64 {
        self.server + self.database
    }
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { server: self.server - before.server, database: self.database - before.database }
    }
}
