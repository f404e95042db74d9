//! What a server needs beside its data: open files, the portal's files, the agent's programs.

use super::{super::serve, finding::Finding};
use crate::{
    descriptors,
    install::Downloads,
    setting::{Connections, Data, Files, Mail, file::is_open_to_others},
};
use std::fs;

/// Open files below which a fleet does not fit.
const OPEN_FILES_MIN: u64 = 4096;

pub(super) fn examine(data: &Data, connections: &Connections, files: &Files, mail: &Mail) -> Vec<Finding> {
    vec![descriptors_of(connections), site(files), agents(data, files)]
        .into_iter()
        .chain(breached(files))
        .chain(password(mail))
        .collect()
}

fn descriptors_of(connections: &Connections) -> Finding {
    let limit = descriptors::limit();
    let caps = serve::caps(connections);
    let what = format!(
        "{limit} files can be open: room for {} connections, {} of one address.",
        caps.all, caps.per_address
    );
    if u64::try_from(caps.all).is_ok_and(|all| all >= limit) {
        let what = format!("{limit} files can be open, but connections_max is {}.", caps.all);
        Finding::problem(
            "limits",
            what,
            "Raise the limit of open files (LimitNOFILE), or lower connections_max.",
        )
    } else if limit < OPEN_FILES_MIN {
        Finding::warning("limits", what, "Each agent is one; raise the limit of open files (LimitNOFILE).")
    } else {
        Finding::ok("limits", what)
    }
}

fn site(files: &Files) -> Finding {
    let root = files.site_root.clone().unwrap_or_else(serve::site_beside_program);
    let shown = root.display();
    let missing: Vec<_> = ["reeve.js", "reeve.wasm", "reeve.css"]
        .into_iter()
        .filter(|name| fs::File::open(root.join("pkg").join(name)).is_err())
        .collect();
    if missing.is_empty() {
        Finding::ok("files", format!("The portal's files are in {shown}."))
    } else {
        let what = format!("The portal's files are not in {shown}: {} cannot be read.", missing.join(", "));
        Finding::problem(
            "files",
            what,
            "Name their folder with --site-root, or build them: `cargo xtask build`.",
        )
    }
}

fn agents(data: &Data, files: &Files) -> Finding {
    let folder = files.agents_dir.clone().unwrap_or_else(|| data.data_dir.join("agents"));
    let shown = folder.display();
    match Downloads::find(&folder).len() {
        0 => Finding::warning(
            "files",
            format!("There are no programs for agents in {shown}; nobody can install one from this server."),
            "Name their folder with --agents-dir, or build them: `cargo xtask package`.",
        ),
        1 => Finding::ok("files", format!("1 program for agents is in {shown}.")),
        many => Finding::ok("files", format!("{many} programs for agents are in {shown}.")),
    }
}

fn breached(files: &Files) -> Option<Finding> {
    let file = files.breached_passwords.as_ref()?;
    let shown = file.display();
    Some(match fs::File::open(file) {
        Ok(_) => Finding::ok("files", format!("The list of stolen passwords is {shown}.")),
        Err(error) => {
            let what = format!("The list of stolen passwords {shown} cannot be read: {error}.");
            Finding::problem(
                "files",
                what,
                "The server does not start without it; look at breached_passwords.",
            )
        }
    })
}

fn password(mail: &Mail) -> Option<Finding> {
    let file = mail.smtp_password_file.as_ref().filter(|file| is_open_to_others(file))?;
    let shown = file.display();
    Some(Finding::warning(
        "mail",
        format!("Others on this machine can read {shown}."),
        format!("chmod 600 {shown}"),
    ))
}
