//! What the compiler says about attributes that can't hold: at the part that is wrong, with what to write.

#[test]
fn what_cant_hold_is_said_where_it_stands() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
