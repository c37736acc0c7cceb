//! The status page: one screen of HTML that needs no script, no file beside it and no network.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

use super::Readiness;
use super::ready::State as IndexState;
use super::status::{Index, Status};
use crate::task::{State, Task};

/// Colours of the system in light and dark; a table scrolls by itself on a narrow screen.
const STYLE: &str = "\
:root{color-scheme:light dark;--edge:#d7dade;--soft:#5c6570;--good:#14793b;--wait:#9a5b00;--bad:#b3261e;--bar:#2f6feb}\
@media(prefers-color-scheme:dark){:root{--edge:#3a4048;--soft:#9aa4af;--good:#5fd38a;--wait:#f0b95a;--bad:#ff8a80;--bar:#6ea0ff}}\
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{margin:.25rem 0}\
.soft{color:var(--soft)}.good{color:var(--good)}.wait{color:var(--wait)}.bad{color:var(--bad)}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--edge);vertical-align:top}\
th{font-weight:600;color:var(--soft);font-size:.85rem}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
progress{width:7rem;accent-color:var(--bar);vertical-align:middle}";

/// The whole page.
pub fn render(status: &Status, readiness: &Readiness, tasks: &[Task]) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta http-equiv=\"refresh\" content=\"2\">\
         <title>highwater</title><style>{STYLE}</style></head><body><h1>highwater</h1>"
    );
    summary(&mut page, status, readiness);
    indexes(&mut page, &status.indexes);
    watermarks(&mut page, status);
    list(&mut page, tasks);
    let _ = write!(
        page,
        "<p class=\"soft\">highwater {} · revision {} · <a href=\"/v1/status\">JSON</a> · \
         <a href=\"/metrics\">metrics</a> · <a href=\"/readyz\">readiness</a></p></body></html>",
        escaped(status.version),
        status.revision
    );
    page
}

fn summary(page: &mut String, status: &Status, readiness: &Readiness) {
    let (class, text) = if readiness.is_ready() {
        ("good", "caught up")
    } else {
        ("wait", "not caught up yet")
    };
    let _ = write!(page, "<p class=\"{class}\">{text}</p>");
    let waits = [
        ("Postgres", &readiness.postgres),
        ("Elasticsearch", &readiness.elasticsearch),
        ("Kafka", &readiness.kafka),
    ];
    for (name, reason) in waits {
        if let Some(reason) = reason {
            let _ = write!(page, "<p class=\"wait\">{name}: {}</p>", escaped(reason));
        }
    }
    if status.suspect {
        page.push_str("<p class=\"wait\">changes may have been missed: every document will be looked at again</p>");
    }
    let dead: i64 = status.indexes.iter().map(|index| index.dead).sum();
    let class = if dead == 0 { "soft" } else { "bad" };
    let _ = write!(
        page,
        "<p><span class=\"soft\">touches waiting: {}</span> · <span class=\"{class}\">dead letters: {}</span></p>",
        grouped(status.touches_waiting),
        grouped(dead)
    );
}

fn indexes(page: &mut String, indexes: &[Index]) {
    page.push_str(
        "<h2>Indexes</h2><div class=\"scroll\"><table><tr><th>index</th><th>generation</th><th>state</th>\
         <th class=\"n\">lag</th><th class=\"n\">dead</th><th class=\"n\">parked</th><th>waits for</th></tr>",
    );
    for index in indexes {
        let lag = index
            .watermark_lag_seconds
            .map_or_else(|| "–".to_owned(), |lag| format!("{lag:.2} s"));
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{lag}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"wait\">{}</td></tr>",
            escaped(&index.index),
            escaped(&index.generation),
            progress(index),
            grouped(index.dead),
            grouped(index.parked),
            waiting(index)
        );
    }
    page.push_str(if indexes.is_empty() {
        "<tr><td colspan=\"7\" class=\"soft\">none yet</td></tr></table></div>"
    } else {
        "</table></div>"
    });
}

fn waiting(index: &Index) -> String {
    let reason = escaped(index.waiting.as_deref().unwrap_or_default());
    match index.waiting_since {
        Some(since) => format!("{reason} <span class=\"soft\">since {}</span>", moment(since)),
        None => reason,
    }
}

/// The state, and how far its jobs are while there are any.
fn progress(index: &Index) -> String {
    let state = match index.state {
        IndexState::Live => "<span class=\"good\">live</span>",
        IndexState::Building if index.verifying => "<span class=\"wait\">verifying</span>",
        IndexState::Building => "<span class=\"wait\">building</span>",
        IndexState::Unfit => "<span class=\"wait\">does not fit the database</span>",
    };
    if index.documents_total == 0 {
        return state.to_owned();
    }
    let (done, total) = (index.documents_done.min(index.documents_total), index.documents_total);
    format!(
        "{state} <progress max=\"{total}\" value=\"{done}\"></progress> <span class=\"soft\">{} of {}</span>",
        grouped(done),
        grouped(total)
    )
}

fn watermarks(page: &mut String, status: &Status) {
    if status.watermarks.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Watermarks</h2><div class=\"scroll\"><table><tr><th>table</th><th>every change before</th><th>as of</th></tr>",
    );
    for mark in &status.watermarks {
        let (table, before, as_of) = (escaped(&mark.table), moment(mark.last_touched), moment(mark.as_of));
        let _ = write!(page, "<tr><td>{table}</td><td>{before}</td><td>{as_of}</td></tr>");
    }
    page.push_str("</table></div>");
}

fn list(page: &mut String, tasks: &[Task]) {
    page.push_str("<h2>Tasks</h2><div class=\"scroll\"><table><tr><th>task</th><th>state</th><th>since</th></tr>");
    for task in tasks {
        let (class, state) = match &task.state {
            State::Starting => ("soft", "starting".to_owned()),
            State::Running => ("good", "running".to_owned()),
            State::Waiting { on } => ("wait", format!("waiting: {}", escaped(on))),
            State::Stopped => ("bad", "stopped".to_owned()),
        };
        let (name, since) = (escaped(&task.name), moment(task.since));
        let _ = write!(
            page,
            "<tr><td>{name}</td><td class=\"{class}\">{state}</td><td class=\"soft\">{since}</td></tr>"
        );
    }
    page.push_str("</table></div>");
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `1234567` as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Text as it stands in HTML, in an attribute too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text() {
        let script = "<script>alert('x')</script>";
        let index = Index {
            index: script.into(),
            waiting: Some(script.into()),
            ..Index::default()
        };
        let status = Status {
            indexes: vec![index],
            ..Status::default()
        };
        let readiness = Readiness {
            postgres: Some(script.into()),
            ..Readiness::default()
        };
        let task = Task {
            name: script.into(),
            state: State::Waiting { on: script.into() },
            since: Utc::now(),
        };
        let page = render(&status, &readiness, &[task]);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;x&#39;)").count(), 5);
    }

    #[test]
    fn progress_is_shown_while_there_is_a_job() {
        let building = Index {
            documents_done: 1200,
            documents_total: 5000,
            ..Index::default()
        };
        assert!(progress(&building).contains("1,200 of 5,000"));
        let live = Index {
            state: IndexState::Live,
            ..Index::default()
        };
        assert_eq!(progress(&live), "<span class=\"good\">live</span>");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, -1_234_567].map(grouped),
            ["0", "999", "1,000", "-1,234,567"]
        );
    }
}
