//! Linear equations, as many as a regression has weights.

/// Solves `matrix` times what is returned equals `right`, for a positive definite matrix.
pub(super) fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    const LEAST: f64 = 1e-12;
    for at in 0..N {
        let pivot = matrix[at][at].max(LEAST);
        for below in at + 1..N {
            let factor = matrix[below][at] / pivot;
            let pivot_row = matrix[at];
            for (cell, above) in matrix[below].iter_mut().zip(pivot_row) {
                *cell -= factor * above;
            }
            right[below] -= factor * right[at];
        }
    }
    let mut solved = [0.0; N];
    for at in (0..N).rev() {
        let known: f64 = (at + 1..N).map(|column| matrix[at][column] * solved[column]).sum();
        solved[at] = (right[at] - known) / matrix[at][at].max(LEAST);
    }
    solved
}

#[cfg(test)]
mod tests {
    use proptest::{array::uniform4, prop_assert, proptest};

    use super::solve;

    proptest! {
        #[test]
        fn what_is_solved_solves(rows in uniform4(uniform4(-3.0..3.0_f64)), solution in uniform4(-5.0..5.0_f64)) {
            // A matrix times its transpose, and a ridge, is positive definite.
            let mut matrix = [[0.0; 4]; 4];
            for (i, row) in matrix.iter_mut().enumerate() {
                for (j, cell) in row.iter_mut().enumerate() {
                    *cell = (0..4).map(|k| rows[i][k] * rows[j][k]).sum::<f64>() + f64::from(i == j);
                }
            }
            let right = matrix.map(|row| row.iter().zip(solution).map(|(cell, x)| cell * x).sum());
            for (found, expected) in solve(matrix, right).into_iter().zip(solution) {
                prop_assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
            }
        }
    }
}
