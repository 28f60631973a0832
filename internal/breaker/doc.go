// Package breaker leaves alone for a while what keeps failing.
package breaker
