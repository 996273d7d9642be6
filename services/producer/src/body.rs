//! An upload's body, piece by piece: its length is checked, a form is parsed, and the file is decompressed.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::time::{Duration, Instant};

use actix_multipart::Multipart;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use smartpass_api_types::{ProblemCode, UploadParameters};
use smartpass_http::Problem;
use smartpass_records::metrics::metrics;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use crate::parameters::bad_parameter;

/// The size of a decompressed piece.
const PIECE_BYTES: usize = 128 << 10;
/// The limit of a zstd frame's window: 2^23 bytes, as RFC 8878 §3.1.1.1.2 recommends to support.
const ZSTD_WINDOW_LOG: u32 = 23;
/// The limit of a parameter's bytes in a form.
const MAX_FIELD_BYTES: usize = 64 << 10;
/// The time over which the rate of an upload is measured.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// Why a body did not arrive whole.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The client disconnected, or was too slow.
    BrokenOff(String),
    /// The body is not what its headers say.
    Unusable(String),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::BrokenOff(reason) => {
                Self::new(ProblemCode::BrokenOff, format!("the upload broke off: {reason}"))
            }
            BodyError::Unusable(reason) => Self::new(ProblemCode::BadFile, reason),
        }
    }
}

/// The body of an upload, read as the file that it carries.
pub(crate) struct Body {
    reader: Pin<Box<dyn AsyncRead>>,
    minimum_rate: u64,
    max_bytes: u64,
    read: u64,
    /// Bytes, and the time spent waiting for them, since the rate was last checked.
    lately: (u64, Duration),
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>>>>;

impl Body {
    /// Opens the body of a request. Parameters of a form that stand before its file are added to `parameters`.
    pub(crate) async fn open(
        request: &HttpRequest,
        payload: web::Payload,
        parameters: &mut UploadParameters,
        (minimum_rate, max_bytes): (u64, u64),
    ) -> Result<Self, Problem> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let content_type = header(CONTENT_TYPE).unwrap_or_default();
        let whole = whole(payload, length);
        let pieces = if content_type.to_ascii_lowercase().starts_with("multipart/") {
            file_of_form(request, whole, parameters).await?
        } else {
            whole
        };
        let input = StreamReader::new(pieces);
        let reader: Pin<Box<dyn AsyncRead>> = match header(CONTENT_ENCODING).unwrap_or("identity") {
            "identity" => Box::pin(input),
            "gzip" | "x-gzip" => {
                let mut decoder = GzipDecoder::new(input);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            "zstd" => {
                let mut decoder =
                    ZstdDecoder::with_params(input, &[DParameter::window_log_max(ZSTD_WINDOW_LOG)]);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            other => {
                let detail = format!("content-encoding {other:?} is not known (expected gzip or zstd)");
                return Err(Problem::new(ProblemCode::UnknownEncoding, detail));
            }
        };
        Ok(Self { reader, minimum_rate, max_bytes, read: 0, lately: (0, Duration::ZERO) })
    }

    /// The next piece of the file; empty at its verified end.
    pub(crate) async fn next(&mut self) -> Result<Bytes, BodyError> {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let asked = Instant::now();
        let read = tokio::time::timeout(RATE_WINDOW, self.reader.read_buf(&mut piece)).await;
        let Ok(read) = read else {
            return Err(BodyError::BrokenOff(format!("nothing came for {} seconds", RATE_WINDOW.as_secs())));
        };
        let count = read.map_err(explain)? as u64;
        self.read += count;
        if self.read > self.max_bytes {
            return Err(BodyError::Unusable(format!(
                "the file has more than {} bytes (split it)",
                self.max_bytes
            )));
        }
        metrics().bytes.with_label_values(&["uploaded"]).inc_by(count);
        // Only the client's time counts: our own stores may be slow too.
        self.lately = (self.lately.0 + count, self.lately.1 + asked.elapsed());
        if self.lately.1 >= RATE_WINDOW {
            let least = self.minimum_rate * self.lately.1.as_secs();
            if self.lately.0 < least {
                let detail = format!("fewer than {} bytes a second came", self.minimum_rate);
                return Err(BodyError::BrokenOff(detail));
            }
            self.lately = (0, Duration::ZERO);
        }
        Ok(piece.freeze())
    }
}

fn explain(error: io::Error) -> BodyError {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<BrokenOff>());
    match error.kind() {
        _ if is_ours => BodyError::BrokenOff(error.to_string()),
        ErrorKind::UnexpectedEof => BodyError::Unusable("the compressed file is cut off".to_owned()),
        _ => BodyError::Unusable(format!("the body cannot be read: {error}")),
    }
}

/// Marks an error as a disconnect of the client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BrokenOff(String);

fn broken_off(reason: impl std::fmt::Display) -> io::Error {
    io::Error::other(BrokenOff(reason.to_string()))
}

/// The payload, with an error at its end unless all of it arrived: a disconnect may look like an end.
fn whole(payload: web::Payload, length: Option<u64>) -> Pieces {
    let coming = (payload, length);
    Box::pin(futures_util::stream::try_unfold(coming, |(mut payload, left)| async move {
        match payload.next().await {
            Some(piece) => {
                let piece = piece.map_err(broken_off)?;
                let left = left.map(|left| left.saturating_sub(piece.len() as u64));
                Ok(Some((piece, (payload, left))))
            }
            None => match left {
                Some(left) if left > 0 => Err(broken_off(format!("{left} bytes of the body never came"))),
                _ => Ok(None),
            },
        }
    }))
}

/// The file of a form, after the parameters before it. Fields behind the file are read and ignored, so that the form's
/// end is verified.
async fn file_of_form(
    request: &HttpRequest,
    whole: Pieces,
    parameters: &mut UploadParameters,
) -> Result<Pieces, Problem> {
    let payload = whole.map_err(actix_web::error::PayloadError::Io);
    let mut form = Multipart::new(request.headers(), payload);
    let bad_form =
        |error: actix_multipart::MultipartError| Problem::new(ProblemCode::BadForm, error.to_string());
    while let Some(field) = form.next().await {
        let mut field = field.map_err(bad_form)?;
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            let rest = file_then_rest(field, form);
            return Ok(rest);
        }
        let mut value = Vec::new();
        while let Some(piece) = field.next().await {
            value.extend_from_slice(&piece.map_err(bad_form)?);
            if value.len() > MAX_FIELD_BYTES {
                return Err(Problem::new(ProblemCode::BadForm, format!("{name:?} is too long")));
            }
        }
        let value = String::from_utf8(value);
        let value =
            value.map_err(|_| Problem::new(ProblemCode::BadForm, format!("{name:?} is not UTF-8")))?;
        parameters.set(&name, &value).map_err(bad_parameter)?;
    }
    Err(Problem::new(ProblemCode::BadForm, "the form has no field called \"file\""))
}

fn file_then_rest(field: actix_multipart::Field, form: Multipart) -> Pieces {
    let as_io = |error: actix_multipart::MultipartError| broken_off(error);
    let file = field.map(move |piece| piece.map_err(as_io));
    let rest = form
        .then(move |field| async move {
            let mut field = field.map_err(as_io)?;
            while let Some(piece) = field.next().await {
                piece.map_err(as_io)?;
            }
            Ok(Bytes::new())
        })
        .try_filter(|piece| std::future::ready(!piece.is_empty()));
    Box::pin(file.chain(rest))
}
