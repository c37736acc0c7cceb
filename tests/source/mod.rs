mod catalog;
mod compound;
mod documents;
mod encode;
mod keys;
mod quote;
