// Package series interns series: it gives each one a small number, its slot, the first time it is seen, so that all
// work that depends only on a series' identity is done then and found again by that number.
//
//	attributes ──Key──▶ bytes ──Find──▶ slot ──At──▶ *V
//
// A Table holds no pointers into what it was given and, where V has none, none at all: the garbage collector does not
// walk it. Slots are kept in blocks in the order of arrival, and a Table guesses that series come again in that order,
// so that a lookup usually costs one comparison and no hash. Nothing here locks: a Table belongs to one goroutine at
// a time.
package series
