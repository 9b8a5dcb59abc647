//! Statements with their names filled in, prepared once a connection.

use std::marker::PhantomData;

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Untyped},
};

use crate::sql::Names;

/// What a statement takes at one of its `?`.
#[derive(Clone, Debug)]
pub(crate) enum Bind<'a> {
    Number(i64),
    Numbers(&'a [i64]),
    Text(&'a [u8]),
    Texts(&'a [&'a [u8]]),
    MaybeTexts(&'a [Option<&'a [u8]>]),
}

/// The text of the statement `S`, cut where its binds go. The connection caches what it prepared by `S`,
/// so all texts of an `S` on one connection must be the same: they are those of one table.
#[derive(Debug)]
pub(crate) struct Text<S> {
    pieces: Vec<String>,
    statement: PhantomData<S>,
}

impl<S> Text<S> {
    pub(crate) fn new(sql: &str, names: &Names) -> Self {
        Self { pieces: names.fill(sql).split('?').map(str::to_owned).collect(), statement: PhantomData }
    }

    /// The statement with what it takes.
    pub(crate) fn with<'a>(&'a self, binds: &'a [Bind<'a>]) -> Call<'a, S> {
        debug_assert_eq!(binds.len() + 1, self.pieces.len(), "a bind for each ?");
        Call { text: self, binds }
    }
}

/// A statement ready to be sent.
#[derive(Debug)]
pub(crate) struct Call<'a, S> {
    text: &'a Text<S>,
    binds: &'a [Bind<'a>],
}

impl<S: 'static> QueryId for Call<'_, S> {
    type QueryId = S;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S> Query for Call<'_, S> {
    type SqlType = Untyped;
}

impl<S> QueryFragment<Pg> for Call<'_, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut binds = self.binds.iter();
        for (at, piece) in self.text.pieces.iter().enumerate() {
            if at > 0 {
                match binds.next() {
                    Some(Bind::Number(number)) => out.push_bind_param::<BigInt, _>(number)?,
                    Some(Bind::Numbers(numbers)) => out.push_bind_param::<Array<BigInt>, _>(numbers)?,
                    Some(Bind::Text(text)) => out.push_bind_param::<Binary, _>(text)?,
                    Some(Bind::Texts(texts)) => out.push_bind_param::<Array<Binary>, _>(texts)?,
                    Some(Bind::MaybeTexts(texts)) => {
                        out.push_bind_param::<Array<Nullable<Binary>>, _>(texts)?;
                    }
                    None => return Err(diesel::result::Error::QueryBuilderError("too few binds".into())),
                }
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}
