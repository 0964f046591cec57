package builder

import "github.com/trtfarm/trtfarm/internal/plan"

// buildLog is where the log of the build is kept in a workspace.
const buildLog = "logs/build.log"

// verifyLog is where the log of a case is kept.
func verifyLog(name string) string { return "logs/verify-" + plan.CaseFolder(name) + ".log" }
