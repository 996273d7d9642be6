//! What the producer answered, read to its end.

use std::future::poll_fn;
use std::pin::pin;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use serde::de::DeserializeOwned;
use smartpass_api_types::{Job, Problem};

/// An answer, and all that came of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection broke before the body's end.
    pub(crate) broke_off: bool,
}

impl Answer {
    pub(crate) async fn read(response: ServiceResponse<impl MessageBody>) -> Self {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let status = response.status().as_u16();
        let mut answer = Self { status, headers, body: Vec::new(), broke_off: false };
        let mut body = pin!(response.into_body());
        while let Some(piece) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            match piece {
                Ok(piece) => answer.body.extend_from_slice(&piece),
                Err(_) => {
                    answer.broke_off = true;
                    break;
                }
            }
        }
        answer
    }

    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn job(&self) -> Job {
        self.json()
    }

    /// The problem document.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status);
        problem
    }

    /// Status and code of the problem.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.problem().code)
    }
}

/// How [`Answer::refusal`] answers.
pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
