mod kafka;
