//! Downloads of outputs: a job's parts are opened and sent one after the other. No file holds a whole output.

use std::collections::VecDeque;
use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_ENCODING, ETag, EntityTag, Header, IF_NONE_MATCH, IF_RANGE, IfNoneMatch, IfRange, RANGE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use async_compression::tokio::bufread::GzipEncoder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use smartpass_api_types::{JobPath, ProblemCode};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, Files, Job, ManifestEntry};
use smartpass_http::{Answer, Principal, Problem};
use smartpass_platform::blobs::Blobs;
use smartpass_platform::{Error, Result};
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{self, Manifest, blob_path};
use smartpass_records::metrics::metrics;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::{ReaderStream, StreamReader};
use tracing::error;

use crate::api::Api;
use crate::described::{ConditionalHeaders, DownloadProblems, OutputResponses};
use crate::jobs::find;
use crate::range::{Asked, asked};

/// Hands out the rows and their links.
///
/// Compressed with gzip where that is accepted and no range is asked for.
#[utoipa::path(
    get,
    path = "/v1/projects/{project}/jobs/{job}/success.csv",
    operation_id = "downloadSuccess",
    tag = "outputs",
    params(JobPath, ConditionalHeaders),
    responses(OutputResponses, DownloadProblems)
)]
pub(crate) async fn success(
    principal: Principal,
    request: HttpRequest,
    api: web::Data<Api>,
    path: web::Path<JobPath>,
) -> Answer {
    let job = find(&principal, &api, &path).await?;
    get(request, &api, &job, true).await
}

/// Hands out the rows that could not become links, and why.
///
/// Compressed with gzip where that is accepted and no range is asked for.
#[utoipa::path(
    get,
    path = "/v1/projects/{project}/jobs/{job}/errors.csv",
    operation_id = "downloadErrors",
    tag = "outputs",
    params(JobPath, ConditionalHeaders),
    responses(OutputResponses, DownloadProblems)
)]
pub(crate) async fn errors(
    principal: Principal,
    request: HttpRequest,
    api: web::Data<Api>,
    path: web::Path<JobPath>,
) -> Answer {
    let job = find(&principal, &api, &path).await?;
    get(request, &api, &job, false).await
}

async fn get(request: HttpRequest, api: &Api, job: &Job, is_success: bool) -> Answer {
    let name = if is_success { "success.csv" } else { "errors.csv" };
    let Some(manifest) = &job.manifest else { return Err(not_readable(job)) };
    let length = if is_success { manifest.success_bytes } else { manifest.errors_bytes };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let wants_gzip = header(ACCEPT_ENCODING).is_some_and(accepts_gzip) && header(RANGE).is_none();
    let etag = etag(manifest, is_success, wants_gzip);
    if is_known(&request, &etag) {
        return Ok(HttpResponse::NotModified().insert_header(ETag(etag)).finish());
    }
    let asked = asked(header(RANGE).filter(|_| range_applies(&request, &etag)), length);
    let mut response = HttpResponse::Ok();
    response
        .insert_header(ETag(etag))
        .insert_header(("accept-ranges", "bytes"))
        .insert_header(("cache-control", "private, no-store"))
        .insert_header(("vary", "accept-encoding"))
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .content_type("text/csv");
    let range = match asked {
        Asked::All => 0..length,
        Asked::Part(range) => {
            let last = range.end - 1;
            response.status(StatusCode::PARTIAL_CONTENT);
            response.insert_header(("content-range", format!("bytes {}-{last}/{length}", range.start)));
            range
        }
        Asked::Unsatisfiable => {
            let whole = format!("bytes */{length}");
            return Ok(HttpResponse::RangeNotSatisfiable().insert_header(("content-range", whole)).finish());
        }
    };
    let sent = range.end - range.start;
    if request.method() == Method::HEAD {
        // The answer to HEAD has the length of the body and no body.
        let body = SizedStream::new(sent, futures_util::stream::empty::<std::io::Result<Bytes>>());
        return Ok(if wants_gzip { response.finish() } else { response.body(body) });
    }
    let permit = api.downloads.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many downloads are running: try again soon"))?;
    let Some(file) = open(api, job, manifest, is_success).await? else { return Err(not_readable(job)) };
    let pieces = file.pieces(api.backends.blobs.clone(), job.id, range, permit);
    if wants_gzip {
        response.insert_header(("content-encoding", "gzip"));
        let zipped = GzipEncoder::new(StreamReader::new(pieces.boxed_local()));
        return Ok(response.streaming(ReaderStream::with_capacity(zipped, 64 << 10)));
    }
    Ok(response.body(SizedStream::new(sent, pieces)))
}

/// The entity tag of an output. The manifest's tag stands for every part, since the manifest lists their tags.
fn etag(manifest: &ManifestEntry, is_success: bool, is_zipped: bool) -> EntityTag {
    let name = if is_success { "success" } else { "errors" };
    let coding = if is_zipped { "-gzip" } else { "" };
    EntityTag::new_strong(format!("{}-{name}{coding}", String::from(manifest.blob.tag)))
}

/// Whether the client has this version already (RFC 9110 §13.1.2: weak comparison, `*` for any).
fn is_known(request: &HttpRequest, etag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(etag)),
        Err(_) => false,
    }
}

/// Whether a range is of the version that the client has (RFC 9110 §13.1.5: strong comparison). Outputs have no date.
fn range_applies(request: &HttpRequest, etag: &EntityTag) -> bool {
    if !request.headers().contains_key(IF_RANGE) {
        return true;
    }
    matches!(IfRange::parse(request), Ok(IfRange::EntityTag(known)) if known.strong_eq(etag))
}

/// Whether `gzip` is among the codings accepted, and not with the weight 0.
fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        is_gzip && !is_refused
    })
}

fn not_readable(job: &Job) -> Problem {
    if matches!(job.files, Files::Purged { .. }) && job.end.is_some() {
        return Problem::new(ProblemCode::FilesDeleted, "the job's files are deleted");
    }
    let detail = format!("the job is {}: its outputs can be read once it has completed", job.state());
    Problem::new(ProblemCode::NotCompleted, detail)
}

/// An output that is ready to be read.
struct File {
    parts: Vec<BlobRef>,
    key: DataKey,
}

/// Opens an output; none where the job's files were deleted meanwhile.
async fn open(api: &Api, job: &Job, entry: &ManifestEntry, is_success: bool) -> Result<Option<File>> {
    let Some(secrets) = api.backends.jobs.secrets(job.id, &job.project).await? else { return Ok(None) };
    let text = read(&api.backends.blobs, &secrets.data_key, job.id, &entry.blob).await?;
    let damaged = || Error::Damaged(format!("the manifest of job {}", job.id));
    let Manifest { headers, parts }: Manifest = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let parts = if is_success {
        std::iter::once(headers.success).chain(parts.into_iter().map(|part| part.success)).collect()
    } else {
        std::iter::once(headers.errors).chain(parts.into_iter().filter_map(|part| part.errors)).collect()
    };
    Ok(Some(File { parts, key: secrets.data_key }))
}

impl File {
    /// The bytes of a range. A part is opened, and thereby verified, before any of it is sent.
    fn pieces(
        self,
        blobs: Blobs,
        job: JobId,
        range: Range<u64>,
        permit: OwnedSemaphorePermit,
    ) -> impl Stream<Item = std::io::Result<Bytes>> {
        let mut wanted = VecDeque::new();
        let mut start = 0;
        for part in self.parts {
            let end = start + part.bytes;
            let slice = range.start.max(start)..range.end.min(end);
            if !slice.is_empty() {
                wanted.push_back((part, slice.start - start..slice.end - start));
            }
            start = end;
        }
        let reading = (wanted, self.key, blobs, permit);
        futures_util::stream::try_unfold(reading, move |(mut wanted, key, blobs, permit)| async move {
            let Some((part, slice)) = wanted.pop_front() else { return Ok(None) };
            let piece = read(&blobs, &key, job, &part).await.and_then(|text| {
                let slice = usize::try_from(slice.start).ok().zip(usize::try_from(slice.end).ok());
                let slice = slice.filter(|(_, end)| *end <= text.len());
                let (start, end) = slice.ok_or_else(|| Error::Damaged(format!("blob {}", part.path)))?;
                Ok(text.slice(start..end))
            });
            match piece {
                Ok(piece) => {
                    metrics().bytes.with_label_values(&["downloaded"]).inc_by(piece.len() as u64);
                    Ok(Some((piece, (wanted, key, blobs, permit))))
                }
                Err(error) => {
                    error!(%job, %error, "download failed");
                    Err(std::io::Error::other(error))
                }
            }
        })
    }
}

async fn read(blobs: &Blobs, key: &DataKey, job: JobId, part: &BlobRef) -> Result<Bytes> {
    let sealed = blobs.get(&blob_path(job, &part.path)).await?;
    let (key, part) = (key.clone(), part.clone());
    let opened = tokio::task::spawn_blocking(move || job_files::open(&key, job, &part, sealed)).await;
    opened.map_err(|_| Error::unavailable("the producer", "the process is stopping"))?
}
