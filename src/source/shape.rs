//! What of a table must be as it was for a statement planned before to read it rightly.

/// A digest of a relation's columns and, of a view, its text; SQL over an expression for its oid. The same where the
/// catalog is read and where a snapshot is held against it.
macro_rules! shape {
    ($relation:literal) => {
        concat!(
            "(SELECT md5(concat((SELECT string_agg(concat_ws(' ', attname, atttypid, atttypmod, attcollation), ',' ORDER BY attnum) \
             FROM pg_attribute WHERE attrelid = ",
            $relation,
            " AND attnum > 0 AND NOT attisdropped), (SELECT ev_action FROM pg_rewrite WHERE ev_class = ",
            $relation,
            " AND ev_type = '1'))))"
        )
    };
}
