// Package backendcfg renders, edits and reads the backend configuration of
// Terraform and OpenTofu.
//
// It has four parts, which share no state:
//
//   - Render, RenderFragment and ResolveLock turn plain settings into text that
//     fits the tool and its version, and that never holds a credential.
//   - Edit, Extract and Remove work on the backend block inside a file that
//     belongs to somebody else: they find byte ranges by parsing and splice
//     them, so that every other byte survives.
//   - ParseDir and Shadows tell which backend a directory really uses, by the
//     loading rules of the tools: override files, JSON, OpenTofu's .tofu twins.
//   - Write, Update, ReadFile and Delete touch the disk: atomically, inside a
//     root, one writer at a time for each file.
package backendcfg
