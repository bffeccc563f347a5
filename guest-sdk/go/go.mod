module choreo

go 1.26
