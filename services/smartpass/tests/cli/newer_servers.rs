//! Answers of a server that says more than this version knows.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::support::{Lab, Run};

const COMPLETED: &str = include_str!("../../../../crates/api-types/tests/golden/completed.json");
const ID: &str = "00112233445566778899aabbccddeeff";

/// A completed job with fields that nobody knows yet, in an order of its own.
fn newer_job() -> Value {
    let mut job: Value = serde_json::from_str(COMPLETED).unwrap();
    job["rows"]["skipped"] = json!(3);
    job["files"]["success"]["digest"] = json!("sha256:…");
    job["deliveries"] = json!({"planned": [1.50, null]});
    job
}

/// The address of a server that answers every path with `answer`.
fn server(answer: fn(&str) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            respond(stream.unwrap(), answer);
        }
    });
    address
}

fn respond(mut stream: TcpStream, answer: fn(&str) -> String) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let request = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    let body = answer(request.split(' ').nth(1).unwrap_or_default());
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).unwrap();
}

fn ask(arguments: &[&str], answer: fn(&str) -> String) -> Run {
    let server = server(answer);
    Lab::new().run(&[&["jobs"], arguments, &["--server", &server]].concat())
}

#[test]
fn a_newer_servers_job_is_watched_to_its_end_and_told() {
    let events = |path: &str| match path.ends_with("/events") {
        true => format!(": hello\n\nevent: ended\ndata: {}\n\n", newer_job()),
        false => newer_job().to_string(),
    };
    let run = ask(&["watch", ID], events);
    assert_eq!((run.code, &*run.err), (Some(2), ""));
    assert_eq!(
        run.out,
        format!(
            "job       {ID} completed\n\
             rows 2,500   links 2,480   errors 20\n                 \
             15  person.dateOfBirth: wrong-type\n                  \
             5  cell-count\n\
             files     until 2025-11-30T00:01:01Z: smartpass jobs download {ID}\n"
        )
    );
    let run = ask(&["watch", ID, "--json"], events);
    assert_eq!((run.code, run.out), (Some(2), format!("{:#}\n", newer_job())));
}

#[test]
fn a_newer_servers_list_of_jobs_is_told_and_as_json_it_is_as_it_was_sent() {
    let list = |_: &str| json!({"jobs": [newer_job()], "total": 1, "next": null}).to_string();
    let run = ask(&["list"], list);
    let line = format!("2025-11-27T00:00:00Z  {ID}  completed  rows 2,500, links 2,480, errors 20\n");
    assert_eq!((run.code, run.out), (Some(0), line));
    let run = ask(&["list", "--json"], list);
    let sent: Value = serde_json::from_str(&list("")).unwrap();
    assert_eq!((run.code, run.out), (Some(0), format!("{sent:#}\n")));
}

#[test]
fn an_answer_that_is_not_ours_is_named_as_such() {
    let run = ask(&["watch", ID], |_| json!({"id": ID}).to_string());
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("the server's answer is not one of SmartPass's"), "{}", run.err);
    let events = |path: &str| match path.ends_with("/events") {
        true => "event: ended\ndata: {\"id\": 7}\n\n".to_owned(),
        false => newer_job().to_string(),
    };
    let run = ask(&["watch", ID], events);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("the server's answer is not one of SmartPass's"), "{}", run.err);
}
