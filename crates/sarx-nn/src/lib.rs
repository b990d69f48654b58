//! U-Net, losses, optimizer and weights on Burn.
