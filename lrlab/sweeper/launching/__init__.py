"""Workers as jobs of Hydra's launchers: on this host, through Slurm, on a Ray cluster."""
