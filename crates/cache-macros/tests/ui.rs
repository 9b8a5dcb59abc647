//! The compiler errors of invalid attributes: at the option that is wrong, with what to write instead.

#[test]
fn invalid_attributes_are_errors_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
