// Package plans holds what the plans of this folder embed.
package plans

import _ "embed"

// Problems are held-out problems: a problem and its answer a line, with a tab between.
//
//go:embed problems.txt
var Problems string
