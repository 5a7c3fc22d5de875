module janusrs

go 1.19
