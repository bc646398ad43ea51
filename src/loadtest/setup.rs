//! What a scenario needs before it begins: a server, users, and their tokens.

use std::sync::{Arc, Mutex};

use super::local_server::{LocalServer, Security, SharedServer};
use super::people::Person;
use super::plan::Plan;
use super::progress::Progress;
use super::scenario::Scenario;
use super::server_process;
use super::target::{Dialect, Target};
use crate::base::limits::api::GROUP_DIRECT;
use crate::base::lock::MutexExt as _;

/// Starts the private server.
///
/// # Errors
/// As [`LocalServer::start`].
pub async fn start_local(plan: &Plan, progress: &Progress) -> Result<SharedServer, String> {
    progress.print("starting a private server");
    let flags = plan.shards.map(|shards| vec!["--shards".to_owned(), shards.to_string()]);
    let flags = flags.unwrap_or_default();
    let security = if plan.tls { Security::Tls } else { Security::Plain };
    let starting = tokio::task::spawn_blocking(move || LocalServer::start(flags, security));
    let local = starting.await.map_err(|error| error.to_string())??;
    Ok(Arc::new(Mutex::new(local)))
}

/// The private server with users in it; those of them who have keys.
///
/// # Errors
/// One sentence.
pub async fn local_target(
    plan: &Plan,
    scenario: Scenario,
    local: &SharedServer,
    progress: &Progress,
) -> Result<(Target, Vec<Person>), String> {
    let (url, trust, setup) = {
        let local = local.lock_unpoisoned();
        (local.url(), local.trust()?, local.setup.clone())
    };
    let mut target = Target::at(&url, &trust, Vec::new(), Dialect::Impulse)?;
    progress.print("adding users and making rooms");
    let setup = setup.ok_or("the private server has an admin already")?;
    let mut people = Vec::new();
    if plan.encrypted {
        people = add_people(&mut target, local, &setup).await?;
    } else {
        let admin = target.register_admin(&setup).await?;
        target.tokens = tokens(local, "admin", vec![admin]).await?;
        let names = target.add_users(plan.users_of(scenario) - 1).await?;
        target.tokens.extend(tokens(local, "write", names).await?);
    }
    // What the hashing of passwords has left in its memory belongs to no connection.
    let local = local.clone();
    let restarting = tokio::task::spawn_blocking(move || {
        let mut local = local.lock_unpoisoned();
        local.restart().map(|()| local.pid())
    });
    target.pid = Some(restarting.await.map_err(|error| error.to_string())??);
    Ok((target, people))
}

/// People with keys, as many as a direct chat has at most.
async fn add_people(
    target: &mut Target,
    local: &SharedServer,
    setup: &str,
) -> Result<Vec<Person>, String> {
    let admin = Person::register(target, Some(setup)).await?;
    target.tokens = tokens(local, "admin", vec![admin.name.clone()]).await?;
    target.open_registration().await?;
    let mut people = vec![admin];
    while people.len() < GROUP_DIRECT {
        people.push(Person::register(target, None).await?);
    }
    let names = people.iter().skip(1).map(|person| person.name.clone()).collect();
    target.tokens.extend(tokens(local, "write", names).await?);
    Ok(people)
}

/// The server that the plan names.
///
/// # Errors
/// One sentence.
pub fn remote_target(plan: &Plan) -> Result<Target, String> {
    let url = plan.url.as_deref().unwrap_or_default();
    let mut target = Target::at(url, &plan.trust()?, plan.tokens()?, plan.dialect())?;
    if target.tokens.is_empty() && !plan.plain {
        return Err("--token is missing: who should the connections be? \
             (impulse admin token USER prints one; --local needs none)"
            .to_owned());
    }
    target.pid = plan.pid.or_else(|| server_process::listening_on(target.address));
    Ok(target)
}

/// Tokens of users of a private server.
async fn tokens(
    local: &SharedServer,
    scope: &'static str,
    users: Vec<String>,
) -> Result<Vec<String>, String> {
    let local = local.clone();
    let issuing =
        tokio::task::spawn_blocking(move || local.lock_unpoisoned().tokens(scope, &users));
    issuing.await.map_err(|error| error.to_string())?
}
