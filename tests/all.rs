
mod elastic;
