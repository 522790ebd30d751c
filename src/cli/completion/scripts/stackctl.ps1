# Completion of stackctl for PowerShell. `stackctl completions powershell` prints it.

Register-ArgumentCompleter -Native -CommandName stackctl -ScriptBlock {
    param($word, $commandAst, $cursor)

    $program = Get-Command -Name stackctl -CommandType Application -ErrorAction Ignore |
        Select-Object -First 1
    if ($null -eq $program) { return }
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursor } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $_.Value
            } else {
                $_.Extent.Text
            }
        })
    $answer = @(& $program completions powershell "--word=$word" '--' @words 2>$null)
    # Without a result, PowerShell offers files.
    if ($answer.Count -lt 2 -or $answer[0] -ne 'words') { return }
    foreach ($line in $answer[1..($answer.Count - 1)]) {
        $text, $shown, $description = $line.Split("`t")
        if (-not $description) { $description = $shown }
        [System.Management.Automation.CompletionResult]::new($text, $shown, 'ParameterValue', $description)
    }
}
