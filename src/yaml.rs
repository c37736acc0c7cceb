//! A YAML file as a tree in which every node knows its place.
//!
//! Scalars stay as they were written: whether `no` is a boolean or a word is for the reader of a key to say, which
//! knows what it expects. Anchors and several documents are refused.
