from noiseprobe.cli import main

main()
