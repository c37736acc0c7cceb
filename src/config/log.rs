//! What is logged, and how it looks.

use super::section::Section;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    pub level: LogLevel,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    /// A summary every half minute and whatever someone may want to know tomorrow; a line per batch is below it.
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere: people read the one, collectors the other.
    #[default]
    Auto,
    Text,
    Json,
}

pub(super) fn read(section: &mut Section<'_>) -> LogSettings {
    let default = LogSettings::default();
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let formats = [
        ("auto", LogFormat::Auto),
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
    ];
    LogSettings {
        level: section.choice("level", default.level, &levels),
        format: section.choice("format", default.format, &formats),
    }
}
