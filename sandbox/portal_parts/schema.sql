-- A practice portal's own memory. Everything a person changed survives a restart.
create table if not exists accounts (
    number text primary key,
    name text not null,
    surname text not null,
    postcode text not null,
    email text
);

create table if not exists invoices (
    number text primary key,
    account text not null references accounts,
    issued_on text not null,
    due_on text not null,
    kind text not null,
    status text not null,
    amount integer not null
);

create index if not exists invoices_by_account on invoices (account, issued_on);

create table if not exists sent_items (
    id integer primary key autoincrement,
    sent_at real not null,
    account text not null,
    invoice text not null,
    recipient text not null,
    sent_by text not null
);

create index if not exists sent_items_by_account on sent_items (account, id);

create table if not exists counters (
    name text primary key,
    value integer not null
);
