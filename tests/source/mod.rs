mod catalog;
mod encode;
