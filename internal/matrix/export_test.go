package matrix

// For tests of generators that do not end.
var (
	Generate = generate
	LimitOf  = limitOf
)
