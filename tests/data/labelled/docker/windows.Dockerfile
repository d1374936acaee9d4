# escape=`
FROM mcr.microsoft.com/windows/servercore:ltsc2022 AS core
RUN dir C:\
FROM `
  mcr.microsoft.com/dotnet/`
# a comment between
runtime:8.0
COPY --from=core C:\a C:\b
