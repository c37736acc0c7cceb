create table tenant (id int primary key, name varchar(100) not null, active boolean not null default true);
create table member (tenant_id int references tenant, id int, name varchar(100) not null, email varchar(200), primary key (tenant_id, id));
create table ticket (
    tenant_id int references tenant, id int, subject text not null, status varchar(20) not null, reporter_id int, assignee_id int, opened_at timestamptz not null,
    details jsonb,
    primary key (tenant_id, id),
    constraint reporter foreign key (tenant_id, reporter_id) references member (tenant_id, id),
    constraint assignee foreign key (tenant_id, assignee_id) references member (tenant_id, id)
);
create table message (
    tenant_id int, id int, ticket_id int not null, author_id int, internal boolean not null default false, body text not null, sent_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, ticket_id) references ticket (tenant_id, id) on delete cascade,
    foreign key (tenant_id, author_id) references member (tenant_id, id)
);
create index on ticket (tenant_id, reporter_id);
create index on ticket (tenant_id, assignee_id);
create index on message (tenant_id, ticket_id);
create index on message (tenant_id, author_id);
