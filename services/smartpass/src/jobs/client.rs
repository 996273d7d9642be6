//! Asking the API, and telling its problems.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use smartpass_core::ids::BaseUrl;
use zeroize::Zeroizing;

use super::tell::text;
use crate::arguments::ProjectArg;
use crate::staged::{Staged, refuse_existing};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How often a download goes on after it broke off.
const DOWNLOAD_ATTEMPTS: u32 = 5;

/// Which server, and who asks.
#[derive(Args)]
pub(crate) struct ServerArgs {
    /// Where the server is.
    #[arg(long, value_name = "URL", env = "SMARTPASS_SERVER", default_value = "http://127.0.0.1:8080")]
    server: BaseUrl,
    /// A file with the API key; or SMARTPASS_API_KEY.
    #[arg(long, value_name = "F")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    project: ProjectArg,
}

/// A server, as one project sees it.
pub(super) struct Client {
    http: reqwest::Client,
    server: String,
    project: String,
    key: Option<Zeroizing<String>>,
}

impl Client {
    pub(super) fn new(args: &ServerArgs) -> anyhow::Result<Self> {
        let key = match &args.api_key_file {
            Some(file) => Some(
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
            ),
            None => std::env::var("SMARTPASS_API_KEY").ok(),
        };
        let key = key.map(|key| Zeroizing::new(key.trim().to_owned())).filter(|key| !key.is_empty());
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let project = args.project.code().to_string();
        Ok(Self { http, server: args.server.as_str().to_owned(), project, key })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/projects/{}/{path}", self.server, self.project)
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(&**key),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.get(self.url(path))).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.delete(self.url(path))).await
    }

    pub(super) async fn post(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.post(self.url(path))).await
    }

    /// Sends a file.
    pub(super) async fn upload(
        &self,
        parameters: &[(&str, String)],
        body: reqwest::Body,
        length: Option<u64>,
    ) -> anyhow::Result<Value> {
        let mut url = reqwest::Url::parse(&self.url("jobs"))?;
        url.query_pairs_mut().extend_pairs(parameters);
        let mut request = self.http.post(url).header("content-type", "text/csv").body(body);
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let text = self.send(request).await?.bytes().await.context("the server's answer broke off")?;
        serde_json::from_slice(&text).context("the server's answer is not one of SmartPass's")
    }

    /// The stream of a job's events.
    pub(super) async fn events(&self, id: &str) -> anyhow::Result<Response> {
        self.send(self.http.get(self.url(&format!("jobs/{id}/events")))).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = self.with_key(request).send().await;
        let response = response.with_context(|| format!("cannot reach {}", self.server))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Value =
            serde_json::from_slice(&response.bytes().await.unwrap_or_default()).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("the server's answer says no more");
        let hint = match status {
            StatusCode::UNAUTHORIZED => " (give --api-key-file or SMARTPASS_API_KEY)",
            _ => "",
        };
        let job = problem["job"].as_str().map(|job| format!("job {job}: ")).unwrap_or_default();
        bail!("{job}{detail}{hint} [{}]", status.as_u16())
    }
}

/// Fetches both outputs of a completed job; errors.csv only where there are errors.
pub(super) async fn download(
    client: &Client,
    job: &Value,
    (out, errors): (&Path, &Path),
    force: bool,
) -> anyhow::Result<()> {
    if job["files"]["state"] != "ready" {
        bail!("job {} is {}: it has no outputs to fetch", text(&job["id"]), text(&job["state"]));
    }
    let has_errors = job["rows"]["errors"].as_u64() != Some(0);
    let mut wanted = vec![("success", out)];
    if has_errors {
        wanted.insert(0, ("errors", errors));
    }
    refuse_existing(&wanted.iter().map(|(_, path)| *path).collect::<Vec<_>>(), force)?;
    let mut whole = Vec::new();
    for (kind, path) in wanted {
        let length = job["files"][kind]["bytes"].as_u64().unwrap_or_default();
        let mut file = Staged::create(path, 0o600)?;
        fetch(client, &format!("jobs/{}/{kind}.csv", text(&job["id"])), length, &mut file).await?;
        file.sync()?;
        whole.push(file);
    }
    // errors.csv gets its name first: where success.csv is, both are.
    whole.into_iter().try_for_each(|file| file.publish(force))
}

/// Fetches a file, and goes on where a broken connection left off.
async fn fetch(client: &Client, path: &str, length: u64, file: &mut Staged) -> anyhow::Result<()> {
    let (mut written, mut etag) = (0, None);
    let mut failed = 0;
    while written < length {
        let mut request = client.http.get(client.url(path));
        if let Some(etag) = &etag {
            request = request.header("range", format!("bytes={written}-")).header("if-range", etag);
        }
        let response = client.send(request).await?;
        if written > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            bail!("the file changed while it was fetched (try again)");
        }
        etag = response.headers().get("etag").cloned();
        let mut pieces = response.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            file.write(&piece)?;
            written += piece.len() as u64;
        }
        failed += 1;
        if written < length && failed == DOWNLOAD_ATTEMPTS {
            bail!("the connection broke off {failed} times; {written} of {length} bytes came");
        }
    }
    Ok(())
}
