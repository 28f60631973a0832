// Package turnstile bounds how many run at one time, and lets groups have their turns.
package turnstile
