create table person (id int primary key, name varchar(100) not null);
create table article (id int primary key, slug text not null unique, author_id int references person, published_on date);
create table article_text (article_id int references article on delete cascade, language text, title text not null, body text, primary key (article_id, language));
create table photo (id int primary key, file varchar(200) not null, caption text);
create table comment (
    id int primary key, person_id int references person, body text not null, approved boolean not null default false,
    commentable_type text not null, commentable_id int not null
);
create index on article (author_id);
create index on comment (person_id);
create index on comment (commentable_id, commentable_type);
