//! `impulse doctor [URL]`: whether everything that a server needs is as it should be, a line for each check: ok, or what
//! to do. It changes nothing that lasts and needs no running server.

mod args;
mod backup;
mod certificate;
mod clock;
mod data_dir;
mod database;
mod descriptors;
mod disk;
mod files;
mod listen;
mod memory;
mod outside;
mod report;
mod row;
mod server;
mod site;

use std::process::ExitCode;

use crate::config::Config;
use report::Report;
use site::Site;

pub use args::Doctor;

/// Checks everything and prints it: 0 if all is well, 1 if there is something to do.
///
/// # Errors
/// One sentence if the checks cannot begin.
pub async fn doctor(mut config: Config, doctor: Doctor) -> Result<ExitCode, String> {
    config.data_dir = doctor.data_dir.clone().or(config.data_dir);
    config.database_url = doctor.database_url.clone().or(config.database_url);
    config.accounts_database_url =
        doctor.accounts_database_url.clone().or(config.accounts_database_url);
    let site = Site::new(config, &doctor)?;
    let mut report = Report::new(doctor.json);
    report.settings(&site);
    report.add("server", server::check(&site)).await;
    report.add("database", database::check(&site)).await;
    report.add("clock", clock::check(&site)).await;
    report.add("disk", disk::check(&site)).await;
    report.add("files", files::check(&site)).await;
    report.add("data-directory", data_dir::check(&site)).await;
    report.add("backup", backup::check(&site)).await;
    report.add("descriptors", descriptors::check(&site)).await;
    report.add("memory", memory::check(&site)).await;
    report.add("listen", listen::check(&site)).await;
    report.add("certificate", certificate::check(&site)).await;
    if let Some(target) = &site.target {
        outside::check(&site, target, &mut report).await;
    }
    Ok(report.end())
}
