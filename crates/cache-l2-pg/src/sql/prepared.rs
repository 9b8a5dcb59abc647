//! Statements with their names filled in, prepared once a connection.

use std::marker::PhantomData;

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Untyped},
};

use crate::sql::Identifiers;

/// What a statement takes at one of its `?`.
#[derive(Clone, Debug)]
pub(crate) enum Bind<'a> {
    Integer(i64),
    Integers(&'a [i64]),
    Bytes(&'a [u8]),
    BytesArray(&'a [&'a [u8]]),
    NullableBytesArray(&'a [Option<&'a [u8]>]),
}

/// The text of the statement `S`, cut where its binds go. The connection caches what it prepared by `S`,
/// so all texts of an `S` on one connection must be the same: they are those of one table.
#[derive(Debug)]
pub(crate) struct Prepared<S> {
    pieces: Vec<String>,
    statement: PhantomData<S>,
}

impl<S> Prepared<S> {
    pub(crate) fn new(sql: &str, identifiers: &Identifiers) -> Self {
        Self { pieces: identifiers.fill(sql).split('?').map(str::to_owned).collect(), statement: PhantomData }
    }

    /// The statement with what it takes.
    pub(crate) fn with<'a>(&'a self, binds: &'a [Bind<'a>]) -> Bound<'a, S> {
        debug_assert_eq!(binds.len() + 1, self.pieces.len(), "a bind for each ?");
        Bound { text: self, binds }
    }
}

/// A statement ready to be sent.
#[derive(Debug)]
pub(crate) struct Bound<'a, S> {
    text: &'a Prepared<S>,
    binds: &'a [Bind<'a>],
}

impl<S: 'static> QueryId for Bound<'_, S> {
    type QueryId = S;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S> Query for Bound<'_, S> {
    type SqlType = Untyped;
}

impl<S> QueryFragment<Pg> for Bound<'_, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (at, piece) in self.text.pieces.iter().enumerate() {
            if at > 0 {
                match binds.next() {
                    Some(Bind::Integer(integer)) => out.push_bind_param::<BigInt, _>(integer)?,
                    Some(Bind::Integers(integers)) => out.push_bind_param::<Array<BigInt>, _>(integers)?,
                    Some(Bind::Bytes(bytes)) => out.push_bind_param::<Binary, _>(bytes)?,
                    Some(Bind::BytesArray(arrays)) => out.push_bind_param::<Array<Binary>, _>(arrays)?,
                    Some(Bind::NullableBytesArray(arrays)) => {
                        out.push_bind_param::<Array<Nullable<Binary>>, _>(arrays)?;
                    }
                    None => return Err(diesel::result::Error::QueryBuilderError("too few binds".into())),
                }
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}
