mod catalog;
mod encode;
mod keys;
