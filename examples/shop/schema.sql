create table category (id int primary key, parent_id int references category, name varchar(100) not null);
create table brand (id int primary key, name varchar(100) not null);
create table product (
    id int primary key, name text not null, description text, published boolean not null default true,
    brand_id int references brand, category_id int references category
);
create table variant (
    id int primary key, product_id int not null references product on delete cascade, sku text not null unique, colour varchar(40), size varchar(40)
);
create table price (
    id int primary key, variant_id int not null references variant on delete cascade, currency char(3) not null, amount numeric(10, 2) not null,
    unique (variant_id, currency)
);
create table attribute (id int primary key, code text not null unique);
create table attribute_value (
    id int primary key, product_id int not null references product on delete cascade, attribute_id int not null references attribute, value text
);
create table stock (variant_id int references variant on delete cascade, warehouse text, amount int not null, primary key (variant_id, warehouse));
create index on category (parent_id);
create index on product (brand_id);
create index on product (category_id);
create index on variant (product_id);
create index on attribute_value (product_id);
create index on attribute_value (attribute_id);

-- What can be bought today, as the shop's own pages ask for it.
create view availability as
    select v.product_id, sum(s.amount) as amount, count(distinct s.warehouse) as warehouses
    from variant v join stock s on s.variant_id = v.id
    where s.amount > 0
    group by v.product_id;
