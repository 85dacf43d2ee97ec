/**
 * The weights with which the terms of each row add up to its value, as nearly as they can, each row by how far off it is in proportion:
 * a node that does little counts as much as one that does much.
 *
 * @param rows {Array<{ terms: number[], value: number }>}
 */
export function leastSquares(rows) {
  const size = rows[0].terms.length;
  const scaled = rows.map(({ terms, value }) => ({ terms: terms.map((term) => term / value), value: 1 }));
  // the normal equations, with the right-hand side as the last column
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => sum(scaled, ({ terms }) => terms[i] * terms[j])),
    sum(scaled, ({ terms, value }) => terms[i] * value),
  ]);
  for (let column = 0; column < size; column++) {
    const pivot = matrix
      .slice(column)
      .reduce((best, row) => (Math.abs(row[column]) > Math.abs(best[column]) ? row : best));
    const at = matrix.indexOf(pivot);
    [matrix[column], matrix[at]] = [pivot, matrix[column]];
    for (const row of matrix) {
      if (row === pivot) continue;
      const factor = row[column] / pivot[column];
      row.forEach((value, i) => (row[i] = value - factor * pivot[i]));
    }
  }
  return matrix.map((row, i) => row[size] / row[i]);
}

function sum(rows, term) {
  return rows.reduce((total, row) => total + term(row), 0);
}
