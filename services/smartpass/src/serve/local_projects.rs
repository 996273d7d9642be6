//! On a laptop, the server has the command line's projects: new keys and templates are taken over as they appear.

use std::time::Duration;

use smartpass_platform::Platform;
use smartpass_platform::projects::Imported;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::store::Store;

/// How soon a template that was just published can be used.
const LOOK: Duration = Duration::from_secs(1);

/// Takes the projects over, and goes on looking for new ones.
pub(super) async fn follow(platform: &Platform) -> anyhow::Result<JoinHandle<()>> {
    let store = Store::find()?;
    let mut known = store.names();
    take_over(&store, platform).await;
    let platform = platform.clone();
    Ok(actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let names = store.names();
            if names != known {
                known = names;
                take_over(&store, &platform).await;
            }
        }
    }))
}

async fn take_over(store: &Store, platform: &Platform) {
    if let Err(error) = try_take_over(store, platform).await {
        warn!("the command line's projects were not all taken over: {error:#}");
    }
}

async fn try_take_over(store: &Store, platform: &Platform) -> anyhow::Result<()> {
    for project in store.projects()? {
        let keys: Vec<_> = project.keys()?.into_iter().collect();
        let templates: Vec<_> = project.templates()?.into_iter().collect();
        if keys.is_empty() {
            continue;
        }
        let Imported { keys, templates } = platform.projects.import(&project.code, &keys, &templates).await?;
        if keys + templates > 0 {
            info!(project = %project.code, keys, templates, "taken over from the command line");
        }
    }
    Ok(())
}
