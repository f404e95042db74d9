# Installs the Reeve agent on Windows as a service, registers this machine and starts the agent.
#
#   $env:REEVE_TOKEN = 'AGT-...'; irm @PUBLIC_URL@/install.ps1 | iex
#
# Needs an administrator's PowerShell. Running this again upgrades the agent and keeps the registration.
# REEVE_PREFIX and REEVE_DATA_DIR say where programs and data go.
#
# This script has not been run on a real Windows yet.

function Install-ReeveAgent {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $server = '@PUBLIC_URL@'
    # One line for each agent that this server has: system, architecture, SHA-256 of reeve-agent, SHA-256 of reeve-updater.
    $artifacts = @'
@ARTIFACTS@
'@
    $token = $env:REEVE_TOKEN
    $env:REEVE_TOKEN = $null
    $prefix = if ($env:REEVE_PREFIX) { $env:REEVE_PREFIX } else { Join-Path $env:ProgramFiles 'Reeve' }
    $data = if ($env:REEVE_DATA_DIR) { $env:REEVE_DATA_DIR } else { Join-Path $env:ProgramData 'Reeve' }
    $task = 'Reeve agent'

    $principal = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'reeve: run this in a PowerShell that was started as administrator'
    }
    $arch = switch ($env:PROCESSOR_ARCHITECTURE) {
        'AMD64' { 'x86_64' }
        'ARM64' { 'aarch64' }
        default { throw "reeve: there is no agent for the processor architecture $env:PROCESSOR_ARCHITECTURE" }
    }
    $line = $artifacts -split "`n" | Where-Object { $_ -match "^windows $arch " } | Select-Object -First 1
    if (-not $line) { throw "reeve: this server has no agent for windows on $arch; ask whoever runs $server to add one" }
    $words = -split $line
    $sums = @{ 'reeve-agent' = $words[2]; 'reeve-updater' = $words[3] }

    $work = Join-Path ([IO.Path]::GetTempPath()) ('reeve-' + [Guid]::NewGuid())
    New-Item -ItemType Directory -Path $work | Out-Null
    try {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        foreach ($name in $sums.Keys) {
            $file = Join-Path $work "$name.exe"
            Invoke-WebRequest -UseBasicParsing -Uri "$server/downloads/$name-windows-$arch.exe" -OutFile $file
            $found = (Get-FileHash -Algorithm SHA256 -Path $file).Hash
            if ($found -ne $sums[$name]) {
                throw "reeve: $name is not what the server promised (SHA-256 $found instead of $($sums[$name])); nothing was installed"
            }
        }

        # Versions before the service ran as a scheduled task.
        if (Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue) {
            Stop-ScheduledTask -TaskName $task
            Unregister-ScheduledTask -TaskName $task -Confirm:$false
            Get-Process reeve-updater, reeve-agent -ErrorAction SilentlyContinue |
                Where-Object { $_.Path -and $_.Path.StartsWith($prefix) } | Stop-Process -Force
            Start-Sleep -Seconds 1
        }

        # The agent makes its protected data folder and its service itself.
        $fresh = Join-Path $work 'reeve-agent.exe'
        if ((Test-Path (Join-Path $data 'config.json')) -or (Test-Path (Join-Path $data 'agent.json'))) {
            Write-Output 'reeve: this machine is registered already; its registration is kept'
        }
        else {
            if (-not $token) { throw 'reeve: a registration token is needed: $env:REEVE_TOKEN = ''AGT-...''' }
            # By standard input: command lines can be read by others on this machine.
            $token | & $fresh --data-dir $data register --server $server --token-file -
            if ($LASTEXITCODE -ne 0) { throw 'reeve: the machine was not registered; nothing was installed' }
        }
        & $fresh --data-dir $data install --prefix $prefix
        if ($LASTEXITCODE -ne 0) { throw 'reeve: the service was not installed' }
    }
    finally {
        Remove-Item -Recurse -Force -Path $work
    }
    $agent = Join-Path $prefix 'reeve-agent.exe'
    Write-Output "reeve: done; see how it is doing with: & '$agent' --data-dir '$data' status"
}

# Last, so that a download that was cut off runs nothing.
Install-ReeveAgent
