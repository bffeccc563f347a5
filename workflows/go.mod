module plans

go 1.26

require choreo v0.0.0

replace choreo => ../guest-sdk/go
