create table company (id int primary key, name varchar(200) not null, website varchar(300), suspended boolean not null default false);
create table place (id int primary key, name varchar(100) not null, country char(2) not null, latitude double precision, longitude double precision);
create table skill (id int primary key, name text not null unique);
create type job_status as enum ('draft', 'open', 'closed');
create table job (
    id uuid primary key, company_id int not null references company, title text not null, description text, status job_status not null,
    salary int4range, remote boolean not null default false, published_at timestamptz, expires_at timestamptz
);
create table job_place (job_id uuid references job on delete cascade, place_id int references place, primary key (job_id, place_id));
create table job_skill (job_id uuid references job on delete cascade, skill_id int references skill, required boolean not null, primary key (job_id, skill_id));
create index on job (company_id);
create index on job (published_at);
create index on job (expires_at);
create index on job_place (place_id);
create index on job_skill (skill_id);
