//! The API's client, and the messages of its problems.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use smartpass_api_types::{Files, Job, Problem};
use smartpass_core::ids::{BaseUrl, JobId};
use zeroize::Zeroizing;

use crate::arguments::ProjectArg;
use crate::staged::{Staged, refuse_existing};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The limit of failed attempts of a download.
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

/// An answer of the server.
pub(super) struct Answer<T> {
    /// The answer, as far as this version knows its fields.
    pub(super) read: T,
    /// The whole JSON as it was sent: a newer server may have more fields.
    pub(super) sent: Value,
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads an answer's text.
    pub(super) fn of(text: &[u8]) -> anyhow::Result<Self> {
        let read = |text| -> serde_json::Result<Self> {
            let sent: Value = serde_json::from_slice(text)?;
            Ok(Self { read: T::deserialize(&sent)?, sent })
        };
        read(text).context("the server's answer is not one of SmartPass's")
    }
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

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Answer<T>> {
        self.answer(self.http.get(self.url(path))).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Answer<Job>> {
        self.answer(self.http.delete(self.url(path))).await
    }

    pub(super) async fn post(&self, path: &str) -> anyhow::Result<Answer<Job>> {
        self.answer(self.http.post(self.url(path))).await
    }

    /// Sends a file.
    pub(super) async fn upload(
        &self,
        parameters: &[(&str, String)],
        body: reqwest::Body,
        length: Option<u64>,
    ) -> anyhow::Result<Answer<Job>> {
        let mut url = reqwest::Url::parse(&self.url("jobs"))?;
        url.query_pairs_mut().extend_pairs(parameters);
        let mut request = self.http.post(url).header("content-type", "text/csv").body(body);
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        self.answer(request).await
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<Answer<T>> {
        let text = self.send(request).await?.bytes().await.context("the server's answer broke off")?;
        Answer::of(&text)
    }

    /// The stream of a job's events.
    pub(super) async fn events(&self, id: JobId) -> anyhow::Result<Response> {
        self.send(self.http.get(self.url(&format!("jobs/{id}/events")))).await
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = self.with_key(request).send().await;
        let response = response.with_context(|| format!("cannot reach {}", self.server))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Option<Problem> =
            serde_json::from_slice(&response.bytes().await.unwrap_or_default()).ok();
        let job = problem.as_ref().and_then(|problem| problem.job);
        let job = job.map(|job| format!("job {job}: ")).unwrap_or_default();
        let detail =
            problem.map_or_else(|| "the server's answer says no more".to_owned(), |problem| problem.detail);
        let hint = match status {
            StatusCode::UNAUTHORIZED => " (give --api-key-file or SMARTPASS_API_KEY)",
            _ => "",
        };
        bail!("{job}{detail}{hint} [{}]", status.as_u16())
    }
}

/// Fetches both outputs of a completed job; errors.csv only where there are errors.
pub(super) async fn download(
    client: &Client,
    job: &Job,
    (out, errors): (&Path, &Path),
    force: bool,
) -> anyhow::Result<()> {
    let Files::Ready { success: success_file, errors: errors_file, .. } = &job.files else {
        bail!("job {} is {}: it has no outputs to fetch", job.id, job.state.as_str());
    };
    let mut wanted = vec![("success", success_file, out)];
    if job.rows.errors > 0 {
        wanted.insert(0, ("errors", errors_file, errors));
    }
    refuse_existing(&wanted.iter().map(|(_, _, path)| *path).collect::<Vec<_>>(), force)?;
    let mut whole = Vec::new();
    for (kind, output, path) in wanted {
        let mut file = Staged::create(path, 0o600)?;
        fetch(client, &format!("jobs/{}/{kind}.csv", job.id), output.bytes, &mut file).await?;
        file.sync()?;
        whole.push(file);
    }
    // errors.csv gets its name first: a success.csv means that both are there.
    whole.into_iter().try_for_each(|file| file.publish(force))
}

/// Fetches a file, and resumes it after a broken connection.
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
