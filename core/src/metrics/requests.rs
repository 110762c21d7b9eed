//! Requests of clients, counted by the kind of URI, the method and the class of the answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};

use super::{Histogram, Page};
use crate::route::Template;

/// The methods that are told apart; all others are one.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "other"];

/// The classes of answers.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What there was of one kind of URI and one method.
#[derive(Debug, Default)]
struct Row {
    classes: [AtomicU64; CLASSES.len()],
    took: Histogram,
}

/// Requests that have been answered. Counting waits for nobody.
#[derive(Debug)]
pub struct Requests {
    /// By template, then by method.
    rows: Box<[Row]>,
    logins_refused: AtomicU64,
}

impl Default for Requests {
    fn default() -> Self {
        let rows = (0..Template::COUNT * METHODS.len()).map(|_| Row::default()).collect();
        Self { rows, logins_refused: AtomicU64::new(0) }
    }
}

impl Requests {
    /// Counts one.
    pub(crate) fn count(&self, template: Template, method: &Method, status: StatusCode, took: Duration) {
        let Some(row) = self.rows.get(template.index() * METHODS.len() + column(method)) else { return };
        if let Some(class) = row.classes.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        row.took.add(took);
    }

    /// Counts a log-in that was refused.
    pub(crate) fn refused_login(&self) {
        self.logins_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells what has been counted.
    pub(crate) fn write(&self, page: &mut Page) {
        let rows = || {
            let templates = Template::texts().zip(self.rows.chunks_exact(METHODS.len()));
            templates.flat_map(|(route, row)| METHODS.iter().zip(row).map(move |(method, row)| (route, *method, row)))
        };
        let mut family = page.counter(
            "kubevirt_redfish_requests",
            "Requests that were answered, by kind of URI, method and class of the status.",
        );
        for (route, method, row) in rows() {
            for (class, count) in CLASSES.iter().zip(&row.classes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    family.sample(&[("route", route), ("method", method), ("status", class)], count);
                }
            }
        }
        let mut family = page.histogram(
            "kubevirt_redfish_request_duration_seconds",
            "Time from the head of a request to the head of its answer.",
        );
        for (route, method, row) in rows() {
            if row.took.count() > 0 {
                family.buckets(&[("route", route), ("method", method)], &row.took);
            }
        }
        page.counter(
            "kubevirt_redfish_logins_refused",
            "Requests whose credentials were refused, or not looked at any more.",
        )
        .sample(&[], self.logins_refused.load(Ordering::Relaxed));
    }
}

fn column(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PATCH => 3,
        Method::PUT => 4,
        Method::DELETE => 5,
        Method::OPTIONS => 6,
        _ => 7,
    }
}
