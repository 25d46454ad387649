package echod

// nearest is the name that was probably meant by the word: the one that the fewest changes of a letter make of it. It
// is "" when they are more than a third of its letters.
func nearest(word string, names []string) (name string) {
	least := len(word)/3 + 1
	for _, candidate := range names {
		if d := distance(word, candidate); d < least {
			name, least = candidate, d
		}
	}
	return name
}

// distance is how many letters must be put in, taken out or replaced to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the beginning of a so far to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
