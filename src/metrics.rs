//! Stand-in until the metrics land.
pub fn bulk(_elapsed: std::time::Duration, _ok: bool) {}
pub fn indexed(_index: &str) {}
pub fn deleted(_index: &str) {}
pub fn failed(_index: &str) {}
