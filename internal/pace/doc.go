// Package pace slows a sender down when what it sends to refuses or is slow, and lets it recover without swinging.
package pace
