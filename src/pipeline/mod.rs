//! From touched keys to acknowledged documents.

pub mod settings;
