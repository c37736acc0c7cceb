insert into category values (1, null, 'Clothing'), (2, 1, 'Rainwear'), (3, 2, 'Coats');
insert into brand values (1, 'Seaworthy');
insert into product values (1, 'Harbour coat', 'Keeps out what the sea throws.', true, 1, 3), (2, 'Deck shoes', null, true, 1, 1), (3, 'Unfinished', null, false, 1, 1);
insert into variant values (1, 1, 'HC-Y-M', 'yellow', 'M'), (2, 1, 'HC-Y-L', 'yellow', 'L'), (3, 1, 'HC-N-M', 'navy', 'M'), (4, 2, 'DS-42', 'brown', '42');
insert into price values (1, 1, 'EUR', 149.00), (2, 1, 'GBP', 129.00), (3, 2, 'EUR', 149.00), (4, 3, 'EUR', 139.50), (5, 4, 'EUR', 79.90);
insert into attribute values (1, 'material'), (2, 'hood'), (3, 'care');
insert into attribute_value values (1, 1, 1, 'oilcloth'), (2, 1, 2, 'yes'), (3, 2, 1, 'leather');
insert into stock values (1, 'north', 4), (1, 'south', 2), (2, 'north', 0), (3, 'south', 7);
