//! A bare list: SeaORM counts and reads fifty of ten thousand rows, Leptos renders them. One table, nobody to ask.

use anyhow::Result;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::Html,
    routing::get,
};
use leptos::prelude::*;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, Database, DatabaseConnection, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use std::{collections::HashMap, fmt::Write as _, net::Ipv4Addr};
use tokio::net::TcpListener;

/// What the list is told.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long, env = "REEVE_BENCH_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long)]
    devices: usize,
}

/// The table.
mod device {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ruler_devices")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub business: String,
        pub place: String,
        pub os: String,
        pub version: String,
        pub status: String,
        pub cpu: f64,
        pub memory: f64,
        pub disk: f64,
        pub seen: String,
        pub since: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Fills its table and serves until it is ended.
///
/// # Errors
/// With what the database says.
pub async fn serve(options: Options) -> Result<()> {
    let db = Database::connect(&options.database_url).await?;
    fill(&db, options.devices).await?;
    let app = Router::new().route("/devices", get(page)).with_state(db);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    Ok(axum::serve(listener, app).await?)
}

async fn fill(db: &DatabaseConnection, devices: usize) -> Result<()> {
    db.execute_unprepared(
        "CREATE TABLE ruler_devices (id BIGINT PRIMARY KEY, name TEXT NOT NULL, business TEXT NOT NULL, \
         place TEXT NOT NULL, os TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL, \
         cpu DOUBLE PRECISION NOT NULL, memory DOUBLE PRECISION NOT NULL, disk DOUBLE PRECISION NOT NULL, \
         seen TEXT NOT NULL, since TEXT NOT NULL)",
    )
    .await?;
    db.execute_unprepared("CREATE INDEX ruler_devices_name ON ruler_devices (name, id)").await?;
    let numbers: Vec<usize> = (0..devices).collect();
    for numbers in numbers.chunks(500) {
        let mut sql = "INSERT INTO ruler_devices VALUES ".to_owned();
        for (index, number) in numbers.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(
                sql,
                "{comma}({number}, '{}-{number:05}', 'Business {:03}', 'Head office', 'Debian 12', '0.1.0', 'online', \
                 {}.5, {}.0, 61.5, '2026-11-20 12:00', '2026-11-20 11:00')",
                ["srv", "web", "ws", "nas"][number % 4],
                number / 200,
                number % 97,
                number % 89
            )?;
        }
        db.execute_unprepared(&sql).await?;
    }
    Ok(db.execute_unprepared("ANALYZE").await.map(drop)?)
}

async fn page(
    State(db): State<DatabaseConnection>,
    Query(asked): Query<HashMap<String, String>>,
) -> Result<Html<String>, StatusCode> {
    let search = asked.get("search").map_or("", String::as_str);
    let found = device::Entity::find().filter(device::Column::Name.contains(search));
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let count = found.clone().count(&db).await.map_err(failed)?;
    let rows = found
        .order_by_asc(device::Column::Name)
        .order_by_asc(device::Column::Id)
        .limit(50)
        .all(&db)
        .await
        .map_err(failed)?;
    Ok(Html(Owner::new().with(|| render(count, rows))))
}

fn render(count: u64, rows: Vec<device::Model>) -> String {
    let rows = rows.into_iter().map(|row| {
        view! {
            <tr>
                <td>{row.id}</td>
                <td><a href=format!("/devices/{}", row.id)>{row.name}</a></td>
                <td>{row.business}</td>
                <td>{row.place}</td>
                <td>{row.os}</td>
                <td>{row.version}</td>
                <td class="status">{row.status}</td>
                <td>{format!("{:.1}", row.cpu)}</td>
                <td>{format!("{:.1}", row.memory)}</td>
                <td>{format!("{:.1}", row.disk)}</td>
                <td>{row.seen}</td>
                <td>{row.since}</td>
            </tr>
        }
    });
    view! {
        <html>
            <body>
                <p>{count} " devices"</p>
                <table><tbody>{rows.collect_view()}</tbody></table>
            </body>
        </html>
    }
    .to_html()
}
